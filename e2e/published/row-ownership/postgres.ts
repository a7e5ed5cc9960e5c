import type { ServerSession } from 'latchkey/server'
import type { Pool, PoolClient } from 'pg'

/** Runs `work` in a transaction that sees and writes the rows of one person alone. */
export async function asPerson<Value>(
  pool: Pool,
  { principals }: Pick<ServerSession, 'principals'>,
  work: (client: PoolClient) => Promise<Value>,
): Promise<Value> {
  const client = await pool.connect()
  let broken: Error | undefined
  const fail = (error: Error): void => void (broken = error)
  // A connection may end between two statements; unheard, that would end the process.
  client.on('error', fail)
  try {
    await client.query('begin')
    // `true`: it ends with the transaction. Else the next request on this connection would be the same person.
    await client.query(`select set_config('app.principals', $1, true)`, [JSON.stringify(principals)])
    const value = await work(client)
    await client.query('commit')
    return value
  } catch (error) {
    // A connection that cannot roll back must not serve anybody else.
    await client.query('rollback').catch(fail)
    throw error
  } finally {
    client.off('error', fail)
    client.release(broken)
  }
}
