export type NodeCrypto = typeof import('node:crypto')

interface NodeProcess {
  readonly getBuiltinModule?: (id: string) => unknown
  readonly versions?: Readonly<Record<string, string | undefined>>
}

/** Returns node:crypto if this runtime has it. Looked up at run time: bundlers for other runtimes see no import. */
export function nodeCrypto(): NodeCrypto | undefined {
  return runtime()?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined
}

/**
 * Returns true in Node itself, on OpenSSL 3 or later. Bun, Deno, Workers and Electron have a module of the same name on
 * another library, whose strictness is not tested here.
 */
export function isOpenssl(): boolean {
  const { openssl = '', bun, deno, electron } = runtime()?.versions ?? {}
  const isOther = bun ?? deno ?? electron
  return isOther === undefined && /^(?:[3-9]|\d\d)\./.test(openssl) && nodeCrypto() !== undefined
}

function runtime(): NodeProcess | undefined {
  return (globalThis as { process?: NodeProcess }).process
}
