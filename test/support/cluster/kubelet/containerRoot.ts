/** What one container is started with; paths are the machine's. */
export interface ContainerSpec {
  command: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Unpacked image, mounted read-only at /app. */
  imageFolder: string;
  /** Where the container's root is mounted: an empty folder. */
  rootFolder: string;
  mounts: { source: string; path: string; readOnly: boolean }[];
  /** Lines of its /etc/hosts. */
  hosts: string[];
  readOnlyRoot: boolean;
  runAs?: { uid: number; gid: number };
}

/**
 * A shell script that makes a container's root in the mount namespace that it runs in, and becomes the command in its
 * arguments there. The root is an overlay over the machine's, for there is no registry to pull a base image from.
 */
export function enterRoot(spec: ContainerSpec): string {
  const account = spec.runAs
    ? `--reuid=${spec.runAs.uid} --regid=${spec.runAs.gid} --clear-groups --bounding-set=-all`
    : '';
  const mounts = [{ source: spec.imageFolder, path: '/app', readOnly: true }, ...spec.mounts];
  return [
    `base=${quote(spec.rootFolder)}; root=$base/root; layers=$root`,
    'mount -t tmpfs -o mode=755 container "$base"',
    'mkdir -p "$base/upper/etc" "$base/work" "$root"',
    `printf '%s\\n' ${spec.hosts.map(quote).join(' ')} > "$base/upper/etc/hosts"`,
    // There is no DNS here: a resolver that is refused at once, not one that is waited for (27 s of a pod's start).
    `echo 'nameserver 127.0.0.1' > "$base/upper/etc/resolv.conf"`,
    'overlay() { mount -t overlay container -o "lowerdir=$1,upperdir=$base/upper$1,workdir=$base/work$1$3" "$2" 2>&-; }',
    `overlay / "$root" '' || { ${OVERLAY_EACH} }`,
    'for place in proc dev sys; do mount --rbind "/$place" "$root/$place"; done',
    ...mounts.flatMap(({ source, path, readOnly }) => [
      // A link on the way (/var/run -> /run) has to lead to a place of the container, not of the machine.
      `chroot "$root" mkdir -p -- ${quote(path)}`,
      `target=$root$(chroot "$root" readlink -f -- ${quote(path)})`,
      `mount --bind ${quote(source)} "$target"`,
      ...(readOnly ? ['mount -o remount,ro,bind "$target"'] : []),
    ]),
    ...(spec.readOnlyRoot ? ['for layer in $layers; do mount -o remount,ro "$layer"; done'] : []),
    `exec chroot "$root" setpriv ${account} --pdeathsig KILL -- sh -c 'cd "$0" && exec "$@"' ${quote(spec.workingDir)} "$@"`,
  ].join('\n');
}

// A plain user's namespace may not lay anything over all of /, only over its parts; over those with mounts below, not even that.
const OVERLAY_EACH = `
mount -t tmpfs -o mode=755 container "$root"
for place in /*; do
  into=$root$place
  if [ -L "$place" ]; then cp -P "$place" "$into"; fi
  if [ -L "$place" ] || [ ! -d "$place" ]; then continue; fi
  mkdir "$into"
  case $place in
    /proc | /dev | /sys | /run | /app) continue ;;
    /tmp) chmod 1777 "$into"; continue ;;
  esac
  mkdir -p "$base/upper$place" "$base/work$place"
  if overlay "$place" "$into" ,userxattr; then layers="$layers $into"; continue; fi
  mount --rbind "$place" "$into"
  if [ "$place" = /etc ]; then
    for file in hosts resolv.conf; do mount --bind "$base/upper/etc/$file" "$into/$file" || true; done
  fi
done`;

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
