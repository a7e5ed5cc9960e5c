import type { Platform } from '../../lib/platform.ts'

/** A subscription of a native module. */
export interface NativeSubscription {
  /** Ends the subscription. */
  remove(): void
}

/** The part of React Native's `AppState` that is used. */
export interface AppStateModule {
  /** Calls `listener` with the new state after each change. */
  addEventListener(type: 'change', listener: (state: string) => void): NativeSubscription
}

/** The part of `expo-network` that is used. */
export interface NetworkModule {
  /** Calls `listener` after each change of the network. */
  addNetworkStateListener(listener: (state: NetworkState) => void): NativeSubscription
}

/** What `expo-network` reports. */
export interface NetworkState {
  readonly isConnected?: boolean
  readonly isInternetReachable?: boolean
}

/** Reports what a window reports in a browser: the app is in front again, the network is back or gone. */
export function nativePlatform(AppState: AppStateModule, Network: NetworkModule): Platform {
  return {
    listen({ wake, online, offline }) {
      let was: boolean | undefined
      const state = AppState.addEventListener('change', (now) => void (now === 'active' && wake()))
      const network = Network.addNetworkStateListener(({ isConnected, isInternetReachable = isConnected }) => {
        // One change of network is reported several times.
        if (isInternetReachable === undefined || isInternetReachable === was) return
        was = isInternetReachable
        if (isInternetReachable) online()
        else offline()
      })
      return () => {
        state.remove()
        network.remove()
      }
    },
  }
}
