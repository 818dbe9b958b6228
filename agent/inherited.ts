/**
 * The named allow list of what daemon, agents and runners inherit; everything else of the environment stays behind.
 * Nothing here is a secret: a process's environment is readable in /proc for as long as it lives.
 */
export const inherited = [
  "PATH",
  "USER",
  "LOGNAME",
  "LANG",
  "LC_ALL",
  "TZ",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
] as const;
