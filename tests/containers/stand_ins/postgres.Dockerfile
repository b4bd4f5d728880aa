FROM stand-in-debian
RUN apt-get update && apt-get install -y postgresql-15 && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
COPY postgres.sh /usr/local/bin/entry
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/entry"]
