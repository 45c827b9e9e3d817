import type { OptionWord, Place, Words } from './words.ts';

/** To be called `_aa-ops` in a folder of `$fpath`, or sourced after compinit. */
export function zshCompletion({ places, globals }: Words): string {
  return `#compdef aa-ops
# zsh completion of aa-ops
_aa_ops() {
  local place='' word previous=\${words[CURRENT-1]}
  for word in \${words[2,CURRENT-1]}; do
    case "$place $word" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path.includes(' ') ? path : ` ${path}`}') place='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$place:$previous" in
${places.flatMap(({ path, options }) => options.map((option) => valuesOf(option, `'${path}'`))).join('')}${globals
    .map((option) => valuesOf(option, '*'))
    .join('')}  esac
  local -a found
  case "$place" in
${places.map(wordsAt).join('\n')}
  esac
  _describe 'aa-ops' found
  local -a everywhere=(${globals.flatMap(described).join(' ')})
  _describe 'option of every command' everywhere
}
if [[ "$funcstack[1]" == _aa-ops ]]; then _aa_ops "$@"; else compdef _aa_ops aa-ops; fi
`;
}

function valuesOf({ names, takesValue, choices, file }: OptionWord, path: string): string {
  if (!takesValue) return '';
  const effect = file ? '_files' : choices.length > 0 ? `compadd -- ${choices.join(' ')}` : ':';
  return `    ${names.map((name) => `${path}:${name}`).join('|')}) ${effect}; return ;;\n`;
}

function wordsAt({ path, commands, options, values, file }: Place): string {
  const words = [
    ...commands.map(({ name, summary }) => entry(name, summary)),
    ...values.map((value) => `'${value}'`),
    ...options.flatMap(described),
  ];
  return `    '${path}') found=(${words.join(' ')})${file ? '; _files' : ''} ;;`;
}

const described = ({ names, summary }: OptionWord): string[] => names.map((name) => entry(name, summary));
const entry = (name: string, summary: string): string =>
  `'${name}:${summary.replace(/'/g, "'\\''").replace(/:/g, '\\:')}'`;
