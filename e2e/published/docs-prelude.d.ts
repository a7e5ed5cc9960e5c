// What the code blocks of the docs find around them.
declare const auth: import('latchkey').Auth
declare const authClient: typeof import('./existing-app/after/auth-client.ts').authClient
declare const betterAuthServer: import('latchkey/better-auth').BetterAuthInstance
declare const session: import('latchkey/server').ServerSession
declare const request: Request
declare const rows: { owner: string }[]
declare const email: string
declare const password: string
declare function showMessage(text: string): void
declare function notesOf(owners: readonly string[]): Promise<string[]>
declare const typedText: string
declare function askFor(label: string): string
declare function isRetired(principal: string, thumbprint: string): Promise<boolean>
declare function giveNotes(owners: { from: string; to: string }): Promise<void>
declare function sendMail(to: string, text: string): Promise<void>
declare function verifyWalletSignature(message: string, signature: string, address: string): Promise<boolean>
declare function signWithWallet(nonce: string): Promise<{ message: string; signature: string }>
