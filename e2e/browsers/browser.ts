/** The engines that the suite knows. */
export const ENGINES = ['chromium', 'chromium-102', 'firefox', 'webkit'] as const

/** One of them. */
export type Engine = (typeof ENGINES)[number]

/** A tab or window of its own. */
export interface Page {
  /** Goes there, and waits until it is loaded. */
  visit(url: string): Promise<void>
  /**
   * Runs a function inside the page, where it can use nothing from outside itself but `argument`.
   *
   * @returns its answer, a value that JSON can hold
   */
  evaluate<Answer, Argument = undefined>(
    work: (argument: Argument) => Answer | Promise<Answer>,
    argument?: Argument,
  ): Promise<Answer>
  close(): Promise<void>
}

/** A running browser. */
export interface Browser {
  /** Name and version of the program. */
  readonly version: string
  /** Opens a tab or window. */
  newPage(url: string): Promise<Page>
  /** Ends it as a person does; what it wrote stays in its profile. */
  close(): Promise<void>
  /** Ends it as a crash does. */
  kill(): Promise<void>
}

/** How a browser is started. */
export interface LaunchOptions {
  /** The folder where it keeps everything. */
  readonly profile: string
  /** `private`: nothing is kept when it ends. `off`: a setting, or a mode of the device, denies sites all storage. */
  readonly storage: 'kept' | 'private' | 'off'
}
