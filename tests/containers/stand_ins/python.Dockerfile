FROM stand-in-debian
RUN apt-get update && apt-get install -y python3 python3-venv python3-pip && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \
    && ln -s python3 /usr/bin/python
