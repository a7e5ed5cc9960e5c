/**
 * Finds the places where code stands in a file, however the formatter has laid it out: white space between any two
 * characters, line breaks and trailing commas are not compared.
 *
 * @param {string} code
 * @param {string} text
 * @returns {{ readonly start: number, readonly end: number }[]}
 */
export function placesOf(code, text) {
  const wanted = [...code.replaceAll(/\s/g, '')].filter((_, index, all) => !isTrailingComma(all, index))
  const kept = [...text].flatMap((character, index) => (/\s/.test(character) ? [] : [{ character, index }]))
  const characters = kept.map(({ character }) => character)
  const compared = kept.filter((_, index) => !isTrailingComma(characters, index))
  const haystack = compared.map(({ character }) => character).join('')
  const needle = wanted.join('')
  const places = []
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length)) {
    places.push({ start: compared[at].index, end: compared[at + needle.length - 1].index + 1 })
  }
  return places
}

/** @param {readonly string[]} characters @param {number} index */
function isTrailingComma(characters, index) {
  return characters[index] === ',' && /[)\]}]/.test(characters[index + 1] ?? '')
}
