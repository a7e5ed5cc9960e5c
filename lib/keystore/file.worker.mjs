// One of the processes of file-processes.test.ts: says what came of each task that it is sent.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { createAuth } from 'latchkey'
import { fileStore } from 'latchkey/node'

const add = (found) => ({ count: (found?.count ?? 0) + 1 })

const TASKS = {
  /** Adds one, `times` times, and tells of each. */
  async count({ file, times }) {
    const store = fileStore(file)
    for (let time = 0; time < times; time++) {
      const { count } = await store.update(add)
      process.send({ count })
    }
  },

  /** Starts an app over the file. */
  async start({ file }) {
    const auth = createAuth({ keystore: fileStore(file), audience: 'https://notes.example' })
    await auth.ready
    const { session, storage } = auth.getState()
    return { principal: session?.principal, storage, token: await auth.getToken() }
  },

  /** Adds one, and dies before the given step of it; with `torn`, in the middle of the given write. */
  async die({ file, step, torn }) {
    dieAt(step, torn)
    await fileStore(file).update(add)
  },
}

/** Puts a counter in front of every call to the file system. */
function dieAt(step, torn) {
  let steps = 0
  const die = () => process.kill(process.pid, 'SIGKILL')
  const counted =
    (call) =>
    async (...given) => {
      if (!torn && ++steps === step) die()
      return call(...given)
    }
  const countedWrite =
    (write, text) =>
    async (...given) => {
      if (++steps !== step) return write(...given)
      given[text] = given[text].slice(0, given[text].length / 2)
      if (torn) await write(...given)
      die()
    }
  const { open } = fs
  for (const name of ['mkdir', 'readdir', 'link', 'rename', 'rm']) fs[name] = counted(fs[name])
  fs.writeFile = countedWrite(fs.writeFile, 1)
  fs.open = counted(async (...given) => {
    const handle = await open(...given)
    for (const name of ['stat', 'readFile', 'sync', 'close']) handle[name] = counted(handle[name].bind(handle))
    handle.writeFile = countedWrite(handle.writeFile.bind(handle), 0)
    return handle
  })
  syncBuiltinESMExports()
}

process.on('message', async ({ task, ...given }) => {
  process.send({ done: true, ...(await TASKS[task](given)) }, () => process.disconnect())
})
process.send({ ready: true })
