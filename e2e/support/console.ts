import type { ConsoleMessage, Page, Worker } from '@playwright/test'

/** Collects every warning and error that a page or worker prints, and what a page throws, from now on. */
export function complaintsOf(place: Page | Worker): readonly string[] {
  const complaints: string[] = []
  const listen = (message: ConsoleMessage): void => {
    if (['warning', 'error'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
  }
  ;(place as Worker).on('console', listen)
  if ('goto' in place) place.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}
