"""nginx: HTTPS with TLS 1.3 and 1.2, HTTP/2 offered, HTTP/3."""

from collections.abc import Sequence

from probe.lab.real_servers import Room

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


def command(room: Room) -> Sequence[str]:
    """Serves the text of which version answered, over which protocol."""
    places = [f"[{address}]:443" if ":" in address else f"{address}:443" for address in room.addresses]
    listen = "".join(f"listen {place} ssl; listen {place} quic;\n    " for place in places)
    configuration = room.folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=room.folder, listen=listen, host=room.host, certificate=room.certificate, key=room.key
        )
    )
    return ["/usr/sbin/nginx", "-p", str(room.folder), "-e", "stderr", "-c", str(configuration)]
