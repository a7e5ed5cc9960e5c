// Diagrams of Mermaid, which GitHub draws, as a table of their edges: a library that draws them would be larger than the
// rest of the site, and the table can be read by everybody.

interface Edge {
  readonly from: string
  readonly to: string
  readonly by: string
}

const NAME = String.raw`(\[\*\]|\w+)(?:\["([^"]*)"\])?`
const EDGE = new RegExp(`^\\s*${NAME} --> ${NAME}(?:: (.*))?$`)
const STATE = /^\s*state "(?<label>[^"]*)" as (?<name>\w+)$/
const NODE = /^\s*(?<name>\w+)\["(?<label>[^"]*)"\]$/

/** Reads the edges of a state diagram or a flowchart, with the labels of their nodes. */
export function readEdges(diagram: string): Edge[] {
  const labels = new Map([['[*]', 'the start']])
  const edges: Edge[] = []
  for (const line of diagram.split('\n')) {
    const { name, label } = (STATE.exec(line) ?? NODE.exec(line))?.groups ?? {}
    if (name !== undefined) labels.set(name, label!)
    const [, from, fromLabel, to, toLabel, by] = EDGE.exec(line) ?? []
    if (from === undefined || to === undefined) continue
    if (fromLabel) labels.set(from, fromLabel)
    if (toLabel) labels.set(to, toLabel)
    edges.push({ from, to, by: by ?? '' })
  }
  const labelOf = (name: string): string => labels.get(name) ?? name
  return edges.map(({ from, to, by }) => ({ from: labelOf(from), to: labelOf(to), by }))
}

/** The edges as a table, with what leads along each of them. */
export function edgeTable(diagram: string): string {
  const edges = readEdges(diagram)
  const hasEvents = edges.some(({ by }) => by !== '')
  const row = (cells: string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  const cells = ({ from, to, by }: Edge): string[] =>
    hasEvents ? [from, to, by.replaceAll('<br/>', ', ')] : [from, to]
  const head = row(hasEvents ? ['from', 'to', 'by'] : ['from', 'to'], 'th')
  const body = edges.map((edge) => row(cells(edge), 'td')).join('')
  return `<table tabindex="0"><thead>${head}</thead><tbody>${body}</tbody></table>`
}
