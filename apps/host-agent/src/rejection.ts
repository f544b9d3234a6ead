import { isNativeError } from '@peerdeck/native-capture';
import type { RejectCode } from '@peerdeck/protocol';

/** What a viewer is told whose offer the native side could not answer. */
export function rejection(error: unknown): { code: RejectCode; message: string } {
  if (isNativeError(error, 'PD_ERR_UNSUPPORTED')) {
    return { code: 'no-common-codec', message: 'the offer has no video that this host can send' };
  }
  if (isNativeError(error, 'PD_ERR_INVALID_ARGUMENT')) {
    return { code: 'bad-sdp', message: 'the offer could not be used' };
  }
  return { code: 'internal', message: 'the host could not answer; try again' };
}
