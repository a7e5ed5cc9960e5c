import type { BrowserContext, Page } from '@playwright/test'
import { onEmptyPage } from './prepared-record.ts'

/** A page of the app where there is one: a service worker might answer in place of the empty page. */
export function onAPage<Result>(
  context: BrowserContext,
  origin: string,
  act: (page: Page) => Promise<Result>,
): Promise<Result> {
  const [page] = pagesOf(context, origin)
  return page ? act(page) : onEmptyPage(context, origin, act)
}

/** The open pages of an origin. */
export function pagesOf(context: BrowserContext, origin: string): Page[] {
  return context.pages().filter((page) => page.url().startsWith(`${origin}/`))
}
