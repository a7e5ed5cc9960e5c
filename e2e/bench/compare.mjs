// Runs a subject and its peer in turns, so that both meet the same machine, and gives the ratio round by round.
import { cpus, loadavg } from 'node:os'

/**
 * @typedef {object} Comparison
 * @property {number} subject operations per second, median
 * @property {number} peer operations per second, median
 * @property {number} ratio subject to peer, median over the rounds; above 1 the subject is faster
 * @property {[number, number]} spread least and greatest ratio
 * @property {{ subject: number, peer: number, ratio: number }} cpu microseconds of processor time for one operation,
 *   medians, and their
 *   ratio as above: other work on the machine hardly changes it
 */

/**
 * @param {() => unknown} subject
 * @param {() => unknown} peer
 * @param {{ rounds?: number, operations?: number }} [size]
 * @returns {Promise<Comparison>}
 */
export async function compare(subject, peer, { rounds = 31, operations = 2000 } = {}) {
  await measure(subject, operations)
  await measure(peer, operations)
  const pairs = []
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that neither always follows a garbage collection of the other.
    const order = round % 2 ? [peer, subject] : [subject, peer]
    const measured = new Map()
    for (const run of order) measured.set(run, await measure(run, operations))
    pairs.push({ subject: measured.get(subject), peer: measured.get(peer) })
  }
  const ratios = pairs.map((pair) => pair.subject.rate / pair.peer.rate).sort((a, b) => a - b)
  return {
    subject: median(pairs.map((pair) => pair.subject.rate)),
    peer: median(pairs.map((pair) => pair.peer.rate)),
    ratio: median(ratios),
    spread: [ratios[0] ?? 0, ratios.at(-1) ?? 0],
    cpu: {
      subject: median(pairs.map((pair) => pair.subject.cpu)),
      peer: median(pairs.map((pair) => pair.peer.cpu)),
      ratio: median(pairs.map((pair) => pair.peer.cpu / pair.subject.cpu)),
    },
  }
}

/**
 * @param {() => unknown} run
 * @param {number} operations
 * @returns {Promise<{ rate: number, cpu: number }>}
 */
async function measure(run, operations) {
  const before = process.cpuUsage()
  const start = process.hrtime.bigint()
  for (let index = 0; index < operations; index++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const { user, system } = process.cpuUsage(before)
  return { rate: operations / seconds, cpu: (user + system) / operations }
}

/** @param {number[]} values */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** @type {{ title: string, subjectName: string, peerName: string, result: Comparison }[]} */
const printed = []

/**
 * @param {string} title
 * @param {string} subjectName
 * @param {string} peerName
 * @param {Comparison} result
 */
export function print(title, subjectName, peerName, result) {
  const { subject, peer, ratio, spread, cpu } = result
  printed.push({ title, subjectName, peerName, result })
  const count = (/** @type {number} */ value) => Math.round(value).toLocaleString('en').padStart(12)
  console.log(`\n${title}`)
  const time = (/** @type {number} */ value) => value.toFixed(1).padStart(10)
  console.log(`  ${subjectName.padEnd(44)}${count(subject)} /s${time(cpu.subject)} µs of processor time`)
  console.log(`  ${peerName.padEnd(44)}${count(peer)} /s${time(cpu.peer)} µs`)
  console.log(
    `  ratio ${ratio.toFixed(2)} (rounds between ${spread[0].toFixed(2)} and ${spread[1].toFixed(2)}), by processor time ${cpu.ratio.toFixed(2)}`,
  )
}

const load = () => loadavg()[0]?.toFixed(1)
const loadBefore = load()

/** The machine, and how busy it was. */
export function machine() {
  return `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load ${loadBefore} before and ${load()} now`
}

/** Prints one table of all ratios so far, in Markdown. Above 1 Latchkey is faster. */
export function printTable() {
  console.log(`\n${machine()}`)
  console.log('\n| what | against | ratio by processor time | by the clock |\n| --- | --- | --- | --- |')
  for (const { title, subjectName, peerName, result } of printed)
    console.log(
      `| ${title}: ${subjectName} | ${peerName} | ${result.cpu.ratio.toFixed(2)} | ${result.ratio.toFixed(2)} |`,
    )
}
