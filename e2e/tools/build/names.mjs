/**
 * Reads the names on the command line: what a tool is to run, and nothing else. No name means everything.
 *
 * @param {string} what - what a name stands for
 * @param {readonly string[]} known
 * @param {readonly string[]} flags - other parameters that the tool has
 * @throws {Error} a name is not known: the tool would run nothing, and end as if all were well
 */
export function readNames(what, known, flags = []) {
  const named = process.argv.slice(2).filter((parameter) => !flags.includes(parameter))
  const unknown = named.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`no ${what} is called ${unknown.join(', ')}: there are ${known.join(', ')}`)
  return named
}
