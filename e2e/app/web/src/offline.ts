/** Stores the app for offline use. Without a service worker it works only online. */
export async function keepOffline(): Promise<void> {
  try {
    await navigator.serviceWorker?.register('/sw.js')
  } catch {
    // Blocked, or offline at the first visit: the next visit retries.
  }
}
