/**
 * Checks options of a method: a mistake such as `forget: 'no'` must not delete anything.
 *
 * @param expected - the accepted types of each option, separated by `|`
 * @throws {TypeError} an option has another type, or `given` is no object
 */
export function checkGiven<Options extends object>(
  given: Options,
  expected: { readonly [Name in keyof Options]-?: string },
): void {
  if (typeof given !== 'object' || given === null) throw new TypeError('options: expected object')
  for (const [name, types] of Object.entries<string>(expected)) {
    const value = given[name as keyof Options]
    if (value === null || (value !== undefined && !types.split('|').includes(typeof value)))
      throw new TypeError(`${name}: expected ${types}`)
  }
}
