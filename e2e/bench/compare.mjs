// Runs a subject and its peer in turns, so that both meet the same machine, and gives the ratio round by round.

/**
 * @typedef {object} Comparison
 * @property {number} subject operations per second, median
 * @property {number} peer operations per second, median
 * @property {number} ratio subject to peer, median over the rounds; above 1 the subject is faster
 * @property {[number, number]} spread least and greatest ratio
 */

/**
 * @param {() => unknown} subject
 * @param {() => unknown} peer
 * @param {{ rounds?: number, operations?: number }} [size]
 * @returns {Promise<Comparison>}
 */
export async function compare(subject, peer, { rounds = 31, operations = 2000 } = {}) {
  await rate(subject, operations)
  await rate(peer, operations)
  const pairs = []
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that neither always follows a garbage collection of the other.
    const order = round % 2 ? [peer, subject] : [subject, peer]
    const rates = new Map()
    for (const run of order) rates.set(run, await rate(run, operations))
    pairs.push({ subject: rates.get(subject), peer: rates.get(peer) })
  }
  const ratios = pairs.map((pair) => pair.subject / pair.peer).sort((a, b) => a - b)
  return {
    subject: median(pairs.map((pair) => pair.subject)),
    peer: median(pairs.map((pair) => pair.peer)),
    ratio: median(ratios),
    spread: [ratios[0] ?? 0, ratios.at(-1) ?? 0],
  }
}

/**
 * @param {() => unknown} run
 * @param {number} operations
 */
async function rate(run, operations) {
  const start = process.hrtime.bigint()
  for (let index = 0; index < operations; index++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  return operations / (Number(process.hrtime.bigint() - start) / 1e9)
}

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/**
 * @param {string} title
 * @param {string} subjectName
 * @param {string} peerName
 * @param {Comparison} result
 */
export function print(title, subjectName, peerName, { subject, peer, ratio, spread }) {
  const count = (/** @type {number} */ value) => Math.round(value).toLocaleString('en').padStart(12)
  console.log(`\n${title}`)
  console.log(`  ${subjectName.padEnd(44)}${count(subject)} /s`)
  console.log(`  ${peerName.padEnd(44)}${count(peer)} /s`)
  console.log(`  ratio ${ratio.toFixed(2)} (rounds between ${spread[0].toFixed(2)} and ${spread[1].toFixed(2)})`)
}
