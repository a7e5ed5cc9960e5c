import { expect, test } from 'vitest'
import type { SessionTransport } from '../session/transport.ts'
import { type TransportRig, transportAcceptance } from './transport-acceptance.ts'

const OTHER = { principal: 'bob', token: () => 'a token of bob' }

/** Runs the case that needs no server. */
async function declare(keeps: SessionTransport['keeps'], other?: Pick<TransportRig, 'other'>): Promise<void> {
  const rig: TransportRig = {
    transport: { keeps, connect() {}, disconnect() {} },
    principal: 'ada',
    token: () => 'a token',
    refusedToken: () => 'a refused token',
    connections: () => 0,
    close() {},
    ...other,
  }
  const declares = transportAcceptance(async () => rig).find(({ name }) => name === 'declares what it keeps')!
  await declares.run()
}

test('a transport that keeps data does not pass without another user', async () => {
  await expect(declare('data')).rejects.toThrow('the rig needs `other`')
  await declare('data', { other: OTHER })
})

test('a transport passes without another user if its data ends with the page, or if it keeps none', async () => {
  await declare('data', { other: null })
  await declare('nothing')
})
