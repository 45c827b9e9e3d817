import type { OptionWord, Place, Words } from './words.ts';

/** For bash 3.2 and later, without bash-completion. */
export function bashCompletion({ places, globals }: Words): string {
  const everywhere = globals.flatMap(({ names }) => names);
  return `# bash completion of aa-ops
_aa_ops() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' options='' files='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path.includes(' ') ? path : ` ${path}`}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path:$previous" in
${places.map(valuesOf).filter(Boolean).join('\n')}
${valuesAnywhere(globals)}
    *) case "$path" in
${places.map(wordsAt).join('\n')}
      esac
      options="$options ${everywhere.join(' ')}" ;;
  esac
  if [[ $current == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ $files && $current != -* ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _aa_ops aa-ops
`;
}

const valuesOf = ({ path, options }: Place): string =>
  options
    .filter(({ takesValue }) => takesValue)
    .map((option) => `    ${patterns(option, `'${path}'`)}) ${effect(option)} ;;`)
    .join('\n');

const valuesAnywhere = (globals: OptionWord[]): string =>
  globals
    .filter(({ takesValue }) => takesValue)
    .map((option) => `    ${patterns(option, '*')}) ${effect(option)} ;;`)
    .join('\n');

const patterns = ({ names }: OptionWord, path: string): string =>
  names.map((name) => `${path}:${name}`).join(' | ');

const effect = ({ choices, file }: OptionWord): string =>
  [`words='${choices.join(' ')}'`, file ? 'files=1' : ''].filter(Boolean).join(' ');

function wordsAt({ path, commands, options, values, file }: Place): string {
  const words = [...commands.map(({ name }) => name), ...values];
  const names = options.flatMap((option) => option.names);
  return `      '${path}') words='${words.join(' ')}' options='${names.join(' ')}'${file ? ' files=1' : ''} ;;`;
}
