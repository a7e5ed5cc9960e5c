import { fc } from '../../lib/seeded.testing.ts'
import type { Connection } from './databases.testing.ts'
import type { OwnerColumns } from './index.ts'

/** Owners of random rows. No owner is null. */
export const OWNERS = ['device', 'account', "o'ther\\", null] as const

/** Names that need their quotes. */
const NAMES = ['note', 'order', 'two words', 'a"b', "it's", 'a.b', 'Zoë', 'back`tick', '100%', '$1', 'x:y', 'sem;i--']

/** A random table, and what is in it. */
export interface TableModel {
  readonly name: string
  /** What its primary key is made of. */
  readonly key: 'id' | 'text' | 'pair' | 'owner'
  /** Columns that hold owners. */
  readonly owners: readonly string[]
  readonly unique: 'none' | 'slug' | 'owners'
  /** What `parent` references: nothing; a row of any owner; a row of the same owner, here or in the table before. */
  readonly link: 'none' | 'self' | 'selfOwned' | 'previousOwned'
  /** True if the database itself updates what references an owner. MariaDB needs that. */
  readonly isCascading: boolean
  readonly rows: readonly RowModel[]
}

/** A random row. Its `id` is unique. */
export interface RowModel {
  readonly id: number
  readonly owner: string | null
  readonly editor: string | null
  readonly slug: string
  readonly body: string | null
  readonly parent: number | null
}

/** Random tables. */
export interface SchemaModel {
  readonly tables: readonly TableModel[]
  /** True if the owner columns reference a table of principals. */
  readonly isReferenced: boolean
}

const owner = fc.constantFrom(...OWNERS)

const row = fc.record({
  owner,
  editor: owner,
  slug: fc.constantFrom('a', 'b', 'A', ''),
  body: fc.option(fc.string({ unit: 'grapheme-ascii', maxLength: 12 }), { nil: null }),
  parent: fc.nat(6),
})

const table = fc.record({
  key: fc.constantFrom('id', 'text', 'pair', 'owner'),
  owners: fc.constantFrom(['owner'], ['owner', 'editor']),
  unique: fc.constantFrom('none', 'none', 'slug', 'owners'),
  link: fc.constantFrom('none', 'self', 'selfOwned', 'previousOwned'),
  isCascading: fc.boolean(),
  rows: fc.array(row, { maxLength: 8 }),
})

/** Random schemas, with rows that fit them. */
export const schemas: fc.Arbitrary<SchemaModel> = fc
  .record({
    tables: fc.array(table, { minLength: 1, maxLength: 3 }),
    names: fc.shuffledSubarray(NAMES, { minLength: 3, maxLength: 3 }),
    isReferenced: fc.boolean(),
  })
  .map(({ tables, names, isReferenced }) => {
    const made: TableModel[] = []
    for (const [at, { rows, ...shape }] of tables.entries()) {
      const link = at === 0 && shape.link === 'previousOwned' ? 'none' : shape.link
      const model = { ...shape, link, name: names[at]! } as Omit<TableModel, 'rows'>
      made.push({ ...model, rows: fitting(model, rows, made.at(-1)) })
    }
    return { tables: made, isReferenced }
  })

type Draft = { [Key in keyof RowModel]?: RowModel[Key] } & Pick<RowModel, 'owner' | 'editor' | 'slug' | 'body'>

/** Leaves out what the table would refuse. */
function fitting(
  model: Omit<TableModel, 'rows'>,
  drafts: readonly (Draft & { parent: number })[],
  previous: TableModel | undefined,
): RowModel[] {
  const rows: RowModel[] = []
  for (const [at, draft] of drafts.entries()) {
    const parents = model.link === 'none' ? [] : model.link === 'previousOwned' ? previous!.rows : rows
    const candidates = model.link === 'self' ? parents : parents.filter((one) => one.owner === draft.owner)
    const row = {
      ...draft,
      id: at + 1,
      editor: model.owners.includes('editor') ? draft.editor : null,
      parent: candidates[draft.parent]?.id ?? null,
    }
    if (model.key === 'owner' && row.owner === null) continue
    if (!violates(model, [...rows, row])) rows.push(row)
  }
  return rows
}

/** True if two rows would be equal where they must not be. */
export function violates({ key, unique }: Pick<TableModel, 'key' | 'unique'>, rows: readonly RowModel[]): boolean {
  const isRepeated = (values: (row: RowModel) => readonly unknown[]): boolean => {
    const texts = rows
      .map(values)
      .filter((list) => !list.includes(null))
      .map((list) => JSON.stringify(list))
    return new Set(texts).size < texts.length
  }
  return (
    (key === 'owner' && isRepeated(({ owner, slug, body }) => [owner, slug, body?.length ?? 0])) ||
    (unique === 'slug' && isRepeated(({ owner, slug }) => [owner, slug])) ||
    (unique === 'owners' && isRepeated(({ owner, editor, slug }) => [owner, editor, slug]))
  )
}

const KEYS = { id: ['id'], text: ['label'], pair: ['tenant', 'id'], owner: ['owner', 'slug', 'size'] }
const COLUMNS = ['id', 'label', 'tenant', 'size', 'owner', 'editor', 'slug', 'body', 'parent']

const TYPES = {
  sqlite: { text: 'text', key: 'text', number: 'integer' },
  postgres: { text: 'text', key: 'text', number: 'integer' },
  mysql: {
    text: 'text character set utf8mb4',
    key: 'varchar(40) character set utf8mb4 collate utf8mb4_bin',
    number: 'integer',
  },
}

/** Creates the tables of a schema, and fills them. */
export async function create(db: Connection, { tables, isReferenced }: SchemaModel): Promise<void> {
  const type = TYPES[db.dialect]
  if (isReferenced) {
    await db.execute(`create table principals (principal ${type.key} primary key)`)
    for (const one of OWNERS) if (one !== null) await insert(db, 'principals', { principal: one })
  }
  for (const [at, model] of tables.entries()) {
    const { name, key, unique, link } = model
    const needsOwner = key === 'owner' ? ' not null' : ''
    const own = ' (owner, id)'
    const cascade = model.isCascading || db.dialect === 'mysql' ? ' on update cascade' : ''
    const parts = [
      `id ${type.number} not null unique`,
      `label ${type.key} not null`,
      `tenant ${type.number} not null`,
      `size ${type.number} not null`,
      `owner ${type.key}${needsOwner}`,
      `editor ${type.key}`,
      `slug ${type.key} not null`,
      `body ${type.text}`,
      `parent ${type.number}`,
      `primary key (${KEYS[key].join(', ')})`,
      `unique${own}`,
      ...(unique === 'slug' ? ['unique (owner, slug)'] : []),
      ...(unique === 'owners' ? ['unique (editor, slug, owner)'] : []),
      ...(isReferenced
        ? model.owners.map((column) => `foreign key (${column}) references principals (principal)`)
        : []),
      ...(link === 'self' ? [`foreign key (parent) references ${db.quote(name)} (id)`] : []),
      ...(link === 'selfOwned' ? [`foreign key (owner, parent) references ${db.quote(name)}${own}`] : []),
      ...(link === 'previousOwned'
        ? [`foreign key (owner, parent) references ${db.quote(tables[at - 1]!.name)}${own}${cascade}`]
        : []),
    ]
    await db.execute(`create table ${db.quote(name)} (${parts.join(', ')})`)
    for (const row of model.rows) await insert(db, name, valuesOf(row))
  }
}

/** Removes them again. */
export async function drop(db: Connection, { tables, isReferenced }: SchemaModel): Promise<void> {
  for (const { name } of tables.toReversed()) await db.execute(`drop table if exists ${db.quote(name)}`)
  if (isReferenced) await db.execute('drop table if exists principals')
}

/** A row as it is in the database. */
export function valuesOf(row: RowModel): Record<string, string | number | null> {
  return { ...row, label: `row "${row.id}',`, tenant: row.id % 2, size: row.body?.length ?? 0 }
}

async function insert(db: Connection, name: string, values: Record<string, string | number | null>): Promise<void> {
  const given = Object.entries(values).filter((pair): pair is [string, string | number] => pair[1] !== null)
  const places = given.map((_, at) => (db.dialect === 'postgres' ? `$${at + 1}` : '?'))
  const columns = given.map(([column]) => column).join(', ')
  await db.execute(
    `insert into ${db.quote(name)} (${columns}) values (${places.join(', ')})`,
    given.map(([, value]) => value),
  )
}

/** What the tables hold, in order. */
export async function contentOf(db: Connection, { tables }: SchemaModel): Promise<Record<string, unknown[]>> {
  const content: Record<string, unknown[]> = {}
  for (const { name } of tables)
    content[name] = await db.execute(`select ${COLUMNS.join(', ')} from ${db.quote(name)} order by id`)
  return content
}

/** What they must hold, if these are the rows. */
export function contentFor(tables: readonly TableModel[]): Record<string, unknown[]> {
  return Object.fromEntries(
    tables.map(({ name, rows }) => [
      name,
      rows.map((row) => {
        const values = valuesOf(row)
        return Object.fromEntries(COLUMNS.map((column) => [column, values[column]]))
      }),
    ]),
  )
}

/** The columns to be declared. */
export function ownersOf({ tables, isReferenced }: SchemaModel): OwnerColumns {
  if (isReferenced) return { foreignKeysTo: { table: 'principals', column: 'principal' } }
  return { tables: tables.flatMap(({ name, owners }) => owners.map((column) => ({ table: name, column }))) }
}
