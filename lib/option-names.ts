/** The names of all members of a type. The compiler refuses a list that lacks one. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>

/**
 * Refuses options with other names: a misspelled option would silently switch off a check, or leave a default.
 *
 * @param place - before the name in the message, for example `external.`
 * @throws {TypeError} names the option, and those that there are
 */
export function checkOptionNames<Options extends object>(
  place: string,
  options: Options,
  names: OptionNames<Options>,
): void {
  for (const name of Object.keys(options))
    if (!Object.hasOwn(names, name))
      throw new TypeError(`${place}${name}: unknown option, expected one of ${Object.keys(names).join(', ')}`)
}

/**
 * Refuses a check that is set to `undefined`, as by an environment variable that does not exist: it would be switched
 * off silently. An option that is left out is the app's decision.
 *
 * @throws {TypeError} names the option
 */
export function checkNotUnset<Options extends object>(
  place: string,
  options: Options,
  checks: readonly (keyof Options & string)[],
): void {
  for (const name of checks)
    if (Object.hasOwn(options, name) && options[name] === undefined)
      throw new TypeError(`${place}${name}: undefined would switch off this check; leave the option out to do so`)
}
