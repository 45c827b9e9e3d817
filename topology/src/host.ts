/** Something the engine wants known. `data` is JSON-safe; cli/ renders it as a line, a spinner or NDJSON. */
export interface Notice {
  level: 'debug' | 'info' | 'warn';
  /** Stable, kebab-case, for scripts: `catch-up`, `window-open`. */
  code: string;
  /** One line for a person; lower case, no full stop. */
  message: string;
  data?: Record<string, unknown>;
}

/** Whoever runs the engine. The engine never prints, prompts or exits: it notifies its host. */
export interface Host {
  notify(notice: Notice): void;
}

/** A host that hears nothing. */
export const silentHost: Host = { notify: () => {} };
