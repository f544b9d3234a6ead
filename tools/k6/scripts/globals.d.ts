/** What k6 has beside what its types declare. */
declare const console: {
  log(text: string): void;
  error(text: string): void;
};
