import { contributingDocs } from './contributingDocs.ts';
import { handoverDocs } from './handoverDocs.ts';
import { readmeDocs } from './readmeDocs.ts';
import { runbook } from './runbook.ts';
import { serverDocs } from './serverDocs.ts';
import { topologyDocs } from './topologyDocs.ts';
import { topologySchema } from './topologySchema.ts';

/** A file that is checked in and made from code. */
export interface GeneratedFile {
  /** From the root of the repository. */
  path: string;
  /** The whole new content; `before` is the present one, for files of which only blocks are generated. */
  make(before: string): Promise<string>;
}

/** Every generated file; add yours here, `npm run generate:check` does the rest. */
export const generatedFiles: readonly GeneratedFile[] = [
  topologySchema,
  topologyDocs,
  runbook,
  handoverDocs,
  readmeDocs,
  contributingDocs,
  serverDocs,
];
