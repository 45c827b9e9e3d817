import type { OptionWord, Words } from './words.ts';

/** Fish completes file names by itself unless told not to. */
export function fishCompletion({ places, globals }: Words): string {
  const lines = [
    '# fish completion of aa-ops',
    'function __aa_ops_at --description "whether the commands on the line are these"',
    '  set --local words',
    `  set --local known ${[...new Set(places.flatMap(({ commands }) => commands.map(({ name }) => name)))].join(' ')}`,
    '  for word in (commandline --tokenize --cut-at-cursor --current-process)[2..]',
    '    if contains -- $word $known; set --append words $word; end',
    '  end',
    '  test "$words" = "$argv"',
    'end',
    'complete -c aa-ops -f',
  ];
  for (const { path, commands, options, values, file } of places) {
    const at = `-n '${`__aa_ops_at ${path}`.trim()}'`;
    for (const { name, summary } of commands)
      lines.push(`complete -c aa-ops ${at} -a ${name} -d ${quote(summary)}`);
    if (values.length > 0) lines.push(`complete -c aa-ops ${at} -a '${values.join(' ')}'`);
    if (file) lines.push(`complete -c aa-ops ${at} -F`);
    for (const option of options) lines.push(`complete -c aa-ops ${at} ${describe(option)}`);
  }
  for (const option of globals) lines.push(`complete -c aa-ops ${describe(option)}`);
  return `${lines.join('\n')}\n`;
}

function describe({ names, summary, takesValue, choices, file }: OptionWord): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = choices.length > 0 ? `-xa '${choices.join(' ')}'` : file ? '-rF' : takesValue ? '-x' : '';
  return [...flags, value, `-d ${quote(summary)}`].filter(Boolean).join(' ');
}

const quote = (text: string): string => `'${text.replace(/[\\']/g, (char) => `\\${char}`)}'`;
