/** What may be wrong with a handover before it starts. Found all at once, never one at a time. */
export interface Finding {
  /** Stable, kebab-case. */
  code: string;
  /** `refuse` stops the run unless its `override` was given; `warn` is shown. */
  severity: 'refuse' | 'warn';
  message: string;
  hint: string;
  /** The option that turns this refusal into a warning, if one does. */
  override?: 'leave-readers' | 'orphan-subjects';
  details?: Record<string, unknown>;
}
