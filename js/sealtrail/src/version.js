/** Of this package, as records name it: the same as in the manifest. */
export const VERSION = '0.1.0'
