/** A database or HTTP URL with its password (and secret-looking query values) replaced by `***`. */
export function redactUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*):[^@/]*@/i, '$1:***@')
    .replace(/([?&](?:password|passwd|token|secret|sslpassword|api_?key)=)[^&#]*/gi, '$1***');
}
