"""Configure nginx with TLS 1.2 and 1.3, HTTP/2 and HTTP/3."""

from collections.abc import Sequence

from probe.lab.real_servers import Setup

CONFIGURATION = """
daemon off;
user www-data;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    {listen}
    http2 on;
    server_name {host};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    add_header Alt-Svc 'h3=":443"; ma=60' always;
    add_header X-Protocol $server_protocol always;
    default_type text/plain;
    location / {{ return 200 "nginx $nginx_version over $server_protocol\\n"; }}
  }}
}}
"""


def command(setup: Setup) -> Sequence[str]:
    """Return the command line. The server answers with its version and the protocol."""
    sockets = [f"[{address}]:443" if ":" in address else f"{address}:443" for address in setup.addresses]
    listen = "".join(f"listen {socket} ssl; listen {socket} quic;\n    " for socket in sockets)
    configuration = setup.folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=setup.folder, listen=listen, host=setup.host, certificate=setup.certificate, key=setup.key
        )
    )
    return ["/usr/sbin/nginx", "-p", str(setup.folder), "-e", "stderr", "-c", str(configuration)]
