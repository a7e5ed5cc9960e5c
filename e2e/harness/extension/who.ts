/** The audience of both: the origin of an extension names no server. */
export const AUDIENCE = 'https://notes.example'

/** What the service worker answers to a message of the popup. */
export interface Who {
  readonly principal: string | undefined
  readonly token: string | null
  /** Differs for each start of the service worker. */
  readonly start?: string
}

/** What the popup has in its global scope. */
export interface Popup {
  who(): Promise<Who>
  /** Asks the service worker. */
  ask(): Promise<Who>
  /** The error of an identity that was opened without `audience`. */
  untold(): Promise<string>
}

declare global {
  var popup: Popup
  /** Of the extension API, only what this extension uses. */
  const chrome: {
    readonly runtime: {
      sendMessage(message: string): Promise<Who>
      readonly onMessage: {
        addListener(listener: (message: string, sender: object, answer: (who: Who) => void) => boolean): void
      }
    }
  }
}
