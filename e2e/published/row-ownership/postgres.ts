import type { ServerSession } from 'latchkey/server'
import type { Pool, PoolClient } from 'pg'

/** Runs `work` in a transaction that can read and write only the rows of one user. */
export async function asUser<Value>(
  pool: Pool,
  { principals }: Pick<ServerSession, 'principals'>,
  work: (client: PoolClient) => Promise<Value>,
): Promise<Value> {
  const client = await pool.connect()
  let broken: Error | undefined
  const fail = (error: Error): void => void (broken = error)
  // A connection may end between two statements; without a listener, the error would end the process.
  client.on('error', fail)
  try {
    await client.query('begin')
    // `true`: the setting ends with the transaction. Otherwise the next request on this connection acts as this user.
    await client.query(`select set_config('app.principals', $1, true)`, [JSON.stringify(principals)])
    const value = await work(client)
    await client.query('commit')
    return value
  } catch (error) {
    // A connection that cannot roll back must not be reused.
    await client.query('rollback').catch(fail)
    throw error
  } finally {
    client.off('error', fail)
    client.release(broken)
  }
}
