"""What S3 and the way to it answer when something is wrong: what may pass, and what to tell the user."""

from boto3.exceptions import S3UploadFailedError
from botocore import exceptions as failures

MISSING = ("NoSuchKey", "404", "NotFound")
TAKEN = ("PreconditionFailed", "412")
BUSY = (
    "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "429",
    "InternalError", "ServiceUnavailable", "500", "502", "503", "504", "RequestTimeout", "OperationAborted",
    "ConditionalRequestConflict", "409",
)  # fmt: skip
BROKEN = (
    failures.HTTPClientError,  # connection refused, reset, timed out; TLS too, which is told apart below
    failures.ConnectionError,
    failures.IncompleteReadError,
    failures.ResponseStreamingError,
    failures.FlexibleChecksumError,
)

REMEDIES = {
    "NoSuchBucket": "there is no such bucket; create it, or correct the URI",
    "AccessDenied": "access denied; the credentials lack a permission on this bucket (get, put, delete, list)",
    "403": "access denied; the credentials lack a permission on this bucket (get, put, delete, list)",
    "AllAccessDisabled": "access denied; the bucket is disabled",
    "InvalidAccessKeyId": "the server does not know the access key; check the credentials",
    "SignatureDoesNotMatch": "the server refuses the signature; check the secret key",
    "ExpiredToken": "the credentials have expired; log in again",
    "InvalidToken": "the server refuses the session token; log in again",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it (NTP) and try again",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION",
    "301": "the bucket is in another region; set AWS_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set AWS_REGION",
    "IllegalLocationConstraintException": "the bucket is in another region; set AWS_REGION",
    "InvalidBucketName": "not a name a bucket can have; correct the URI",
    "NotImplemented": "the server does not know this request (conditional puts, perhaps); use a newer server",
    "QuotaExceeded": "the quota is used up; free space and run the same command again",
    "SlowDown": "the server is too busy; run the same command again later",
}

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
TLS_FINAL = (UNTRUSTED, "WRONG_VERSION_NUMBER")
"""OpenSSL's names of failures that stay; others, as of a connection that breaks in the handshake, may pass."""

CAUSES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (failures.NoCredentialsError, failures.PartialCredentialsError),
        "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a pod identity",
    ),
    ((failures.CredentialRetrievalError,), "credentials cannot be fetched; check the profile or the pod's identity"),
    ((failures.SSLError,), "TLS with the server fails; check AWS_ENDPOINT_URL: http or https, and which port"),
    ((failures.ParamValidationError,), "not a name a bucket can have; correct the URI"),
    (
        (failures.IncompleteReadError, failures.ResponseStreamingError),
        "the connection breaks before the object's end; check the network and run the same command again",
    ),
    ((failures.FlexibleChecksumError,), "what arrives does not match its checksum; check the network and the server"),
    (
        (failures.HTTPClientError, failures.ConnectionError),
        "the server cannot be reached; check AWS_ENDPOINT_URL, the network and its policies",
    ),
)
"""The first that fits names the reason."""


def transient(error: BaseException) -> bool:
    """Whether trying again may help."""
    if isinstance(error, failures.ClientError):
        return code_of(error) in BUSY
    if isinstance(error, S3UploadFailedError):
        return any(f"({code})" in str(error) for code in BUSY)
    if isinstance(error, failures.SSLError):
        return not any(name in str(error) for name in TLS_FINAL)
    return isinstance(error, BROKEN)


def code_of(error: failures.ClientError) -> str:
    """S3's name of an error, or the HTTP status where the answer has no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def reason(error: Exception) -> str:
    """What was wrong and what to do. What the server says is not passed on: it may repeat what was sent to it."""
    if isinstance(error, failures.ClientError):
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return REMEDIES.get(code, f"the server answers {code or status}; run the same command again later")
    if isinstance(error, S3UploadFailedError):
        code = next((code for code in REMEDIES if f"({code})" in str(error)), "")
        return REMEDIES.get(code, "the upload fails; run the same command again later")
    if isinstance(error, failures.SSLError) and UNTRUSTED in str(error):
        return "the server's certificate is not trusted; set AWS_CA_BUNDLE to its authority's certificate"
    known = (text for kinds, text in CAUSES if isinstance(error, kinds))
    return next(known, f"{type(error).__name__}; check the AWS_… settings")
