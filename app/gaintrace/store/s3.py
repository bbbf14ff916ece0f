"""The object store in a bucket of S3 or of a server that speaks its protocol.

Endpoint, region, certificates and credentials come from boto3's own chain (environment, profile, pod identity); this
module never sees a credential. A put is atomic on the server, so an object is whole or not there. Requests are tried
again here, not in botocore: an exclusive put that is repeated must know that it may have won the first time.
"""

import hashlib
import io
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
import tenacity
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as failures
from botocore.config import Config

from gaintrace.errors import ConfigError, StoreError
from gaintrace.store.base import MissingObjectError, checked_key, observe
from gaintrace.store.s3_errors import MISSING, TAKEN, code_of, reason, transient

DEADLINE = 120.0
"""Seconds that one operation may take with all its attempts; GAINTRACE_STORE_DEADLINE overrides it."""

MULTIPART = 64 * 1024 * 1024
"""Bytes from which an object is sent in parts."""

PAGE = 1000
"""Keys that a listing asks for at a time."""

DIGEST = "sha256"
"""Name of the metadata that holds an object's own digest. S3's checksums cover the parts of a large object, not the
whole, and not every server has them."""

T = TypeVar("T")


class S3Store:
    """See gaintrace.store.Store."""

    def __init__(self, bucket: str, prefix: str, client: Any = None) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.client = client if client is not None else _client()
        self.deadline = _deadline()

    @property
    def uri(self) -> str:
        """s3://bucket/prefix."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, key: str) -> bytes:
        """See Store.read. The body's length and its digest are verified."""
        name = self._name(key)

        def get() -> bytes:
            found = self.client.get_object(Bucket=self.bucket, Key=name)
            data: bytes = found["Body"].read()
            if len(data) != found["ContentLength"]:
                raise failures.IncompleteReadError(actual_bytes=len(data), expected_bytes=found["ContentLength"])
            if found["Metadata"].get(DIGEST) not in (None, _digest(data)):  # others' objects have none
                raise failures.FlexibleChecksumError(error_msg=f"{name}: not what was written")
            return data

        return self._tried("read", key, get)

    def write(self, key: str, data: bytes) -> None:
        """See Store.write."""
        name = self._name(key)
        metadata = {"Metadata": {DIGEST: _digest(data)}}
        parts = TransferConfig(multipart_threshold=MULTIPART, multipart_chunksize=MULTIPART // 4)

        def put() -> None:
            if len(data) < MULTIPART:
                self.client.put_object(Bucket=self.bucket, Key=name, Body=data, **metadata)
            else:
                self.client.upload_fileobj(io.BytesIO(data), self.bucket, name, ExtraArgs=metadata, Config=parts)

        self._tried("write", key, put)

    def create(self, key: str, data: bytes) -> bool:
        """See Store.create."""
        name = self._name(key)
        metadata = {DIGEST: _digest(data)}
        answered = True

        def put() -> bool:
            nonlocal answered
            before, answered = answered, False
            try:
                self.client.put_object(Bucket=self.bucket, Key=name, Body=data, Metadata=metadata, IfNoneMatch="*")
            except failures.ClientError as error:
                if code_of(error) in TAKEN:
                    # After an attempt without an answer, what is there may be what that attempt put.
                    return not before and self.read(key) == data
                answered = before and code_of(error) in ("ConditionalRequestConflict", "409", "SlowDown")
                raise
            return True

        return self._tried("create", key, put)

    def exists(self, key: str) -> bool:
        """See Store.exists."""
        name = self._name(key)
        try:
            self._tried("look for", key, lambda: self.client.head_object(Bucket=self.bucket, Key=name))
        except MissingObjectError:
            return False
        return True

    def keys(self, prefix: str = "") -> list[str]:
        """See Store.keys."""
        top = self._name(prefix) + "/" if prefix else (f"{self.prefix}/" if self.prefix else "")
        skipped = len(self.prefix) + 1 if self.prefix else 0

        def listed() -> list[str]:
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=top, PaginationConfig={"PageSize": PAGE}
            )
            return sorted(found["Key"][skipped:] for page in pages for found in page.get("Contents", []))

        return self._tried("list", prefix, listed)

    def delete(self, key: str) -> None:
        """See Store.delete."""
        name = self._name(key)
        self._tried("delete", key, lambda: self.client.delete_object(Bucket=self.bucket, Key=name))

    def child(self, prefix: str) -> "S3Store":
        """See Store.child."""
        return S3Store(self.bucket, self._name(prefix), self.client)

    def _name(self, key: str) -> str:
        return "/".join(part for part in (self.prefix, checked_key(key)) if part)

    def _tried(self, what: str, key: str, attempt: Callable[[], T]) -> T:
        """Try until it works, fails for good, or the deadline passes."""
        place = f"{self.uri}/{key}".rstrip("/")
        began = time.monotonic()
        attempts = tenacity.Retrying(
            stop=tenacity.stop_before_delay(self.deadline),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=10),
            retry=tenacity.retry_if_exception(transient),
            before_sleep=lambda _: observe("retried"),
            reraise=True,
        )
        try:
            result = attempts(attempt)
        except failures.ClientError as error:
            if code_of(error) in MISSING:
                observe("done")
                raise MissingObjectError(f"{place}: no such object") from None
            observe("failed")
            raise StoreError(f"cannot {what} {place}: {reason(error)}{_waited(began)}") from None
        except (failures.BotoCoreError, Boto3Error) as error:
            observe("failed")
            raise StoreError(f"cannot {what} {place}: {reason(error)}{_waited(began)}") from None
        observe("done")
        return result


def open_s3(uri: str, bucket: str, path: str) -> S3Store:
    """The store of an s3:// URI."""
    if "@" in bucket or ":" in bucket:
        raise ConfigError("an s3:// URI holds a bucket and a prefix alone; credentials come from AWS_… or a profile")
    if not bucket:
        raise ConfigError(f"store {uri}: no bucket; write s3://bucket/prefix")
    prefix = path.strip("/")
    if prefix:
        checked_key(prefix)
    return S3Store(bucket, prefix)


def _client() -> Any:
    own_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    # Many servers that are not Amazon's refuse its newer checksums. Without them TLS or the signature guards an upload.
    spare = {
        f"{kind}_checksum_{what}": "when_required"
        for kind, what in (("request", "calculation"), ("response", "validation"))
        if own_endpoint and f"AWS_{kind}_checksum_{what}".upper() not in os.environ
    }
    config = Config(
        **spare,
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=32,
        # Servers that are not Amazon's seldom have a host name for each bucket.
        s3={"addressing_style": "path"} if own_endpoint else None,
    )
    try:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        session = boto3.session.Session(region_name=region)
        return session.client("s3", config=config, region_name=session.region_name or "us-east-1")
    except ValueError:
        raise ConfigError("AWS_ENDPOINT_URL is not a URL; write it as in https://minio.storage:9000") from None
    except failures.BotoCoreError as error:
        raise ConfigError(f"S3 cannot be set up: {error}. Check AWS_PROFILE and AWS_REGION") from None


def _deadline() -> float:
    text = os.environ.get("GAINTRACE_STORE_DEADLINE", "")
    try:
        return float(text) if text else DEADLINE
    except ValueError:
        raise ConfigError(f"GAINTRACE_STORE_DEADLINE={text}: expected seconds, as in 120") from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _waited(began: float) -> str:
    waited = time.monotonic() - began
    return f" (tried for {waited:.0f} s)" if waited >= 2 else ""
