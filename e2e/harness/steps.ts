// Lets a spec stop the page between any two steps of what it does.

/** Tells the server where the page is, and stands still until it has heard. */
export function tell(step: string): void {
  const request = new XMLHttpRequest()
  request.open('POST', `/tell?step=${encodeURIComponent(step)}`, false)
  request.send()
}

/** From now on the page tells each step of what it does with keys and with its database. */
export function tellSteps(): void {
  around(IDBFactory.prototype, 'open', (request) => {
    for (const type of ['upgradeneeded', 'success']) request.addEventListener(type, () => tell(`database ${type}`))
  })
  around(IDBDatabase.prototype, 'transaction', (transaction) => {
    transaction.addEventListener('complete', () => tell(`${transaction.mode} complete`))
  })
  around(IDBObjectStore.prototype, 'put', () => tell('put'))
  around(IDBObjectStore.prototype, 'get', () => tell('get'))
  around(SubtleCrypto.prototype, 'importKey', () => tell('importKey'))
  around(SubtleCrypto.prototype, 'sign', () => tell('sign'))
  around(Storage.prototype, 'setItem', () => tell('setItem'))
}

type AnswerOf<Method> = Method extends (...given: never[]) => infer Answer ? Answer : never

function around<Target extends object, Name extends string & keyof Target>(
  prototype: Target,
  name: Name,
  after: (answer: AnswerOf<Target[Name]>) => void,
): void {
  const method = prototype[name] as (...given: unknown[]) => AnswerOf<Target[Name]>
  const told = function (this: unknown, ...given: unknown[]): unknown {
    const answer = method.apply(this, given)
    after(answer)
    return answer
  }
  Object.assign(prototype, { [name]: told })
}
