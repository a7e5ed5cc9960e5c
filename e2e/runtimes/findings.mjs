/** @typedef {import('../databases/acts.mjs').Finding} Finding */

/**
 * Runs one check.
 *
 * @param {string} name
 * @param {() => Promise<string>} check returns a detail
 * @returns {Promise<Finding>}
 */
export async function finding(name, check) {
  try {
    return { name, ok: true, detail: await check() }
  } catch (error) {
    return { name, ok: false, detail: String(/** @type {any} */ (error)?.message ?? error) }
  }
}

/** @param {unknown} found @param {unknown} expected @param {string} what */
export function expect(found, expected, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)]
  if (one !== other) throw new Error(`${what}: expected ${other}, found ${one}`)
}
