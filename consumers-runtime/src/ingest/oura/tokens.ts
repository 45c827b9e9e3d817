/** An athlete's tokens at Oura. A refresh token is good for one use: what it brings has to be stored, or the athlete has to allow it again. */
export interface Tokens {
  accessToken: string;
  refreshToken: string | undefined;
  expiresAt: Date;
  /** What the athlete has allowed, with blanks between; it may be less than was asked for. */
  scope: string;
}

/** The tokens as they are held. */
export interface Held extends Tokens {
  /** Oura has refused to renew them, or no key of ours opens them: they are good for nothing any more. */
  refused: boolean;
}

/** What becomes of held tokens. */
export type Change = { store: Tokens } | 'refused' | 'removed' | 'kept';

export interface TokenStore {
  /** In place of whatever was held. */
  save(userId: string, tokens: Tokens): Promise<void>;
  read(userId: string): Promise<Held | undefined>;
  /**
   * Decides with nobody else at the same athlete's tokens, in any pod, and stores what was decided. The database keeps the
   * row locked meanwhile: `decide` may ask Oura, and has to have a bound.
   */
  change<T>(
    userId: string,
    decide: (held: Held | undefined) => Promise<{ answer: T; change: Change }>,
  ): Promise<T>;
  close(): Promise<void>;
}
