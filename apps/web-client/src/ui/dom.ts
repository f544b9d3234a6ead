/** The element of index.html with this id. Throws for a page that does not fit this script. */
export function byId<Type extends Element>(id: string, type: abstract new () => Type): Type {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no #${id} of that kind`);
  return element;
}

/** Writes only what changed, so that screen readers and layout rest. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
