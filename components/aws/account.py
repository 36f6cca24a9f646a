"""The account that the credentials of the environment lead to, for commands that ask AWS besides Pulumi.

`python -m components.aws.account` tells by its status whether there are credentials.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast, overload

from components.accounts import AccountError, DeniedError

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_service_quotas import ServiceQuotasClient

CREDENTIALS: Final = (
    "sign in again (`aws sso login`, or new keys in the environment), then `aws sts get-caller-identity`"
)
_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN: Final = ("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch")
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403")
_MAKING: Final = threading.Lock()


T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    """Who asks, and where: `id` has twelve digits, `partition` is the second part of every ARN."""

    id: str
    arn: str
    region: str
    config: Config
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any], compare=False)

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.arn.split(":")[1]

    @overload
    def client(self, service: Literal["ec2"], region: str = "") -> EC2Client: ...
    @overload
    def client(self, service: Literal["eks"], region: str = "") -> EKSClient: ...
    @overload
    def client(self, service: Literal["iam"], region: str = "") -> Any: ...
    @overload
    def client(self, service: Literal["kms"], region: str = "") -> KMSClient: ...
    @overload
    def client(self, service: Literal["logs"], region: str = "") -> CloudWatchLogsClient: ...
    @overload
    def client(
        self, service: Literal["resourcegroupstaggingapi"], region: str = ""
    ) -> ResourceGroupsTaggingAPIClient: ...
    @overload
    def client(self, service: Literal["s3"], region: str = "") -> S3Client: ...
    @overload
    def client(self, service: Literal["service-quotas"], region: str = "") -> ServiceQuotasClient: ...
    def client(self, service: str, region: str = "") -> Any:
        """A client of a service, in the account's region unless another is given."""
        place = (service, region or self.region)
        # Making clients takes long and is not safe in several threads at once; using them is.
        with _MAKING:
            if place not in self._clients:
                self._clients[place] = _client(*place, self.config)
        return self._clients[place]


def _client(service: str, region: str, config: Config) -> Any:
    import boto3

    make = cast(Callable[..., Any], boto3.client)  # pyright: ignore[reportUnknownMemberType]
    return make(service, region_name=region, config=config)


def has_credentials() -> bool:
    """Whether there are credentials, good or bad. Asks nobody but the environment (and, on EC2, its own metadata)."""
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.Session().get_credentials() is not None
    except BotoCoreError:
        # Something is set, and wrong: `sign_in` says what.
        return True


def sign_in(region: str, *, patience: int = 20) -> Account:
    """The account of the credentials. `patience`: seconds that an answer may take. Raises AccountError."""
    from botocore.config import Config

    config = Config(connect_timeout=min(patience, 5), read_timeout=patience, retries={"max_attempts": 2})
    who = asking(lambda: _client("sts", region, config).get_caller_identity(), "sts:GetCallerIdentity", region)
    return Account(who["Account"], who["Arn"], region, config)


def asking(ask: Callable[[], T], action: str, region: str) -> T:
    """What AWS answers. `action`: what is asked for. Raises AccountError for what boto3 raises."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except (ClientError, BotoCoreError) as error:
        raise explain(error, action, region) from None


def code_of(error: Exception) -> str:
    """AWS's code of an error, such as NoSuchBucket; empty where AWS did not answer."""
    from botocore.exceptions import ClientError

    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def explain(error: Exception, action: str, region: str) -> AccountError:
    """What an error of boto3 means for somebody who has to do something about it. `action`: what was asked for."""
    from botocore import exceptions

    code = code_of(error)
    if code in _DENIED:
        return DeniedError(f"{action} is denied; docs/aws-permissions.json has the permissions that are needed")
    if code in _EXPIRED:
        return AccountError(f"the AWS credentials have expired ({code}); {CREDENTIALS}")
    if code in _UNKNOWN:
        hint = f"or is {region} not enabled for the account (`aws account enable-region --region-name {region}`)?"
        return AccountError(f"AWS does not accept the credentials ({code}); {CREDENTIALS}; {hint}")
    if code:
        return AccountError(f"{action}: {error}")
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return AccountError("there are no AWS credentials; set AWS_PROFILE, or run `aws configure sso`")
    if isinstance(error, exceptions.ProfileNotFound):
        return AccountError(f"{error}; name one that `aws configure list-profiles` lists in AWS_PROFILE")
    if isinstance(error, exceptions.SSOError | exceptions.TokenRetrievalError | exceptions.CredentialRetrievalError):
        return AccountError(f"the AWS credentials cannot be had ({error}); {CREDENTIALS}")
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | exceptions.InvalidRegionError):
        return AccountError(f"AWS in {region} cannot be reached ({error}); check network, proxy and the region's name")
    return AccountError(f"{action}: {error}")


if __name__ == "__main__":
    # `make preview` asks so.
    sys.exit(0 if has_credentials() else 1)
