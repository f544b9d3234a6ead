/** Values are of closed lists, numbers, or marks that name nothing: never what a client wrote. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Something that takes time, for whoever looks at traces. */
export interface Span {
  /** As W3C Trace Context has it; undefined if nobody records this. */
  readonly traceParent: string | undefined;
  /** `startedAt`: milliseconds since 1970; by default now. */
  child(name: string, attributes?: Attributes, startedAt?: number): Span;
  /** Once. `failed`: through a fault of the service. */
  end(attributes?: Attributes, failed?: boolean): void;
}

/** What there is while nobody records anything. */
export const NO_SPAN: Span = {
  traceParent: undefined,
  child: () => NO_SPAN,
  end: () => {},
};
