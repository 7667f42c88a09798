"""Ask servers over HTTP whose answers are not trusted: helpers, collectors, archives and app stores."""
