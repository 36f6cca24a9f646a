"""IAM actions that the AWS provider calls for each type of resource of the stack: create, read, update and delete.

S3's buckets are never deleted by the program (they are protected), so nothing here lets anybody delete one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components import permissions


def _of(service: str, actions: str) -> tuple[str, ...]:
    return permissions.of(service, actions, ":")


_TAGS: Final = "ListTagsForResource TagResource UntagResource"
_EC2_TAGS: Final = "CreateTags DeleteTags"
_GROUP: Final = "DescribeSecurityGroups DescribeSecurityGroupRules DescribeNetworkInterfaces"
_REVOKE: Final = "RevokeSecurityGroupEgress RevokeSecurityGroupIngress"

_BUCKET_READ: Final = (
    "ListBucket GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging "
    "GetBucketObjectLockConfiguration GetBucketPolicy GetBucketRequestPayment GetBucketTagging GetBucketVersioning "
    "GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration"
)

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:autoscaling/tag:Tag": _of("autoscaling", "CreateOrUpdateTags DeleteTags DescribeTags"),
    "aws:budgets/budget:Budget": _of("budgets", f"ModifyBudget ViewBudget {_TAGS}"),
    "aws:cloudwatch/dashboard:Dashboard": _of("cloudwatch", "DeleteDashboards GetDashboard PutDashboard"),
    "aws:cloudwatch/logGroup:LogGroup": _of(
        "logs",
        "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeLogGroups DisassociateKmsKey "
        f"PutRetentionPolicy {_TAGS}",
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _of(
        "logs", "DeleteMetricFilter DescribeMetricFilters PutMetricFilter"
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _of("cloudwatch", f"DeleteAlarms DescribeAlarms PutMetricAlarm {_TAGS}"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _of("ec2", f"{_GROUP} {_REVOKE} {_EC2_TAGS}"),
    "aws:ec2/eip:Eip": _of(
        "ec2",
        f"AllocateAddress DescribeAddresses DescribeAddressesAttribute DisassociateAddress ReleaseAddress {_EC2_TAGS}",
    ),
    "aws:ec2/flowLog:FlowLog": (
        *_of("ec2", f"CreateFlowLogs DeleteFlowLogs DescribeFlowLogs {_EC2_TAGS}"),
        "iam:PassRole",
    ),
    "aws:ec2/internetGateway:InternetGateway": _of(
        "ec2",
        "AttachInternetGateway CreateInternetGateway DeleteInternetGateway DescribeInternetGateways "
        f"DetachInternetGateway {_EC2_TAGS}",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": _of(
        "ec2",
        "CreateLaunchTemplate CreateLaunchTemplateVersion DeleteLaunchTemplate DescribeLaunchTemplateVersions "
        f"DescribeLaunchTemplates ModifyLaunchTemplate {_EC2_TAGS}",
    ),
    "aws:ec2/natGateway:NatGateway": _of("ec2", f"CreateNatGateway DeleteNatGateway DescribeNatGateways {_EC2_TAGS}"),
    "aws:ec2/route:Route": _of("ec2", "CreateRoute DeleteRoute DescribeRouteTables ReplaceRoute"),
    "aws:ec2/routeTable:RouteTable": _of(
        "ec2", f"CreateRouteTable DeleteRouteTable DescribeRouteTables DisassociateRouteTable {_EC2_TAGS}"
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _of(
        "ec2", "AssociateRouteTable DescribeRouteTables DisassociateRouteTable ReplaceRouteTableAssociation"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _of(
        "ec2",
        f"CreateSecurityGroup DeleteSecurityGroup {_GROUP} {_REVOKE} {_EC2_TAGS}",
    ),
    "aws:ec2/subnet:Subnet": _of(
        "ec2",
        f"CreateSubnet DeleteSubnet DescribeNetworkInterfaces DescribeSubnets ModifySubnetAttribute {_EC2_TAGS}",
    ),
    "aws:ec2/vpc:Vpc": _of(
        "ec2",
        "CreateVpc DeleteVpc DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups DescribeVpcAttribute "
        f"DescribeVpcs ModifyVpcAttribute {_EC2_TAGS}",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _of(
        "ec2",
        "CreateVpcEndpoint DeleteVpcEndpoints DescribeNetworkInterfaces DescribePrefixLists DescribeVpcEndpoints "
        f"ModifyVpcEndpoint {_EC2_TAGS}",
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _of(
        "ec2",
        "AuthorizeSecurityGroupIngress DescribeSecurityGroupRules ModifySecurityGroupRules "
        f"RevokeSecurityGroupIngress {_EC2_TAGS}",
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _of(
        "ecr", "DeleteLifecyclePolicy GetLifecyclePolicy PutLifecyclePolicy"
    ),
    "aws:ecr/repository:Repository": (
        *_of(
            "ecr",
            "CreateRepository DeleteRepository DescribeRepositories PutImageScanningConfiguration "
            f"PutImageTagMutability {_TAGS}",
        ),
        *_of("kms", "CreateGrant DescribeKey RetireGrant"),
    ),
    "aws:eks/accessEntry:AccessEntry": _of(
        "eks", f"CreateAccessEntry DeleteAccessEntry DescribeAccessEntry UpdateAccessEntry {_TAGS}"
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _of(
        "eks", "AssociateAccessPolicy DisassociateAccessPolicy ListAssociatedAccessPolicies"
    ),
    "aws:eks/addon:Addon": (
        *_of(
            "eks",
            "CreateAddon CreatePodIdentityAssociation DeleteAddon DeletePodIdentityAssociation DescribeAddon "
            f"DescribePodIdentityAssociation DescribeUpdate UpdateAddon UpdatePodIdentityAssociation {_TAGS}",
        ),
        "iam:GetRole",
        "iam:PassRole",
    ),
    "aws:eks/cluster:Cluster": (
        *_of(
            "eks",
            "AssociateEncryptionConfig CreateCluster DeleteCluster DescribeCluster DescribeUpdate UpdateClusterConfig "
            f"UpdateClusterVersion {_TAGS}",
        ),
        *_of("kms", "CreateGrant DescribeKey"),
        *_of("iam", "CreateServiceLinkedRole GetRole ListAttachedRolePolicies PassRole"),
    ),
    # EKS tries the launch template with the rights of whoever makes the group.
    "aws:eks/nodeGroup:NodeGroup": (
        *_of(
            "eks",
            "CreateNodegroup DeleteNodegroup DescribeNodegroup DescribeUpdate UpdateNodegroupConfig "
            f"UpdateNodegroupVersion {_TAGS}",
        ),
        *_of("ec2", "CreateTags DescribeLaunchTemplateVersions DescribeSubnets RunInstances"),
        *_of("iam", "CreateServiceLinkedRole GetRole ListAttachedRolePolicies PassRole"),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        *_of(
            "eks",
            "CreatePodIdentityAssociation DeletePodIdentityAssociation DescribePodIdentityAssociation "
            f"ListPodIdentityAssociations UpdatePodIdentityAssociation {_TAGS}",
        ),
        "iam:GetRole",
        "iam:PassRole",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _of(
        "iam",
        "AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider "
        "GetOpenIDConnectProvider RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider "
        "UntagOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint",
    ),
    "aws:iam/role:Role": _of(
        "iam",
        "CreateRole DeleteRole GetRole ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies TagRole "
        "UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
    ),
    "aws:iam/rolePolicy:RolePolicy": _of("iam", "DeleteRolePolicy GetRolePolicy PutRolePolicy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _of(
        "iam", "AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies"
    ),
    "aws:kms/alias:Alias": _of("kms", "CreateAlias DeleteAlias ListAliases UpdateAlias"),
    "aws:kms/key:Key": _of(
        "kms",
        "CreateKey DescribeKey DisableKeyRotation EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags "
        "PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription",
    ),
    "aws:s3/bucket:Bucket": _of(
        "s3",
        f"CreateBucket PutBucketTagging ListTagsForResource TagResource UntagResource {_BUCKET_READ}",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _of(
        "s3", "GetLifecycleConfiguration PutLifecycleConfiguration"
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": _of(
        "s3", "AbortMultipartUpload GetObject GetObjectTagging ListBucket PutObject PutObjectTagging"
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _of(
        "s3", "GetBucketOwnershipControls PutBucketOwnershipControls"
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _of("s3", "GetBucketPolicy PutBucketPolicy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of(
        "s3", "GetBucketPublicAccessBlock PutBucketPublicAccessBlock"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _of(
        "s3", "GetEncryptionConfiguration PutEncryptionConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _of("s3", "GetBucketVersioning PutBucketVersioning"),
    "aws:scheduler/schedule:Schedule": (
        *_of("scheduler", "CreateSchedule DeleteSchedule GetSchedule UpdateSchedule"),
        "iam:PassRole",
    ),
    "aws:sns/topic:Topic": _of("sns", f"CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes {_TAGS}"),
    "aws:sns/topicSubscription:TopicSubscription": _of(
        "sns", "GetSubscriptionAttributes SetSubscriptionAttributes Subscribe Unsubscribe"
    ),
}
"""By type token, such as `aws:ec2/vpc:Vpc`."""

PROGRAM: Final = (
    *_of("sts", "GetCallerIdentity"),
    *_of(
        "ec2",
        "DescribeAddresses DescribeAvailabilityZones DescribeInstanceTypeOfferings DescribeInstances "
        "DescribeInternetGateways DescribeNatGateways DescribeNetworkInterfaces DescribeRouteTables "
        "DescribeSecurityGroups DescribeSubnets DescribeVolumes DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcs",
    ),
    *_of("ecr", "GetAuthorizationToken"),
    *_of("eks", "DescribeAddonVersions DescribeClusterVersions ListClusters"),
    *_of("iam", "ListRoles"),
    *_of("kms", "DescribeKey"),
    *_of("logs", "DescribeLogGroups"),
    *_of("s3", "GetObject ListAllMyBuckets ListBucket"),
    *_of("servicequotas", "GetAWSDefaultServiceQuota GetServiceQuota"),
    *_of("tag", "GetResources"),
)
"""What the program, `make check` and `make audit` look up: account, zones, what is offered, an existing VPC, buckets
and reads, quotas, what is left."""

IMAGES: Final = _of(
    "ecr",
    "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload DescribeImages GetDownloadUrlForLayer "
    "InitiateLayerUpload PutImage UploadLayerPart",
)
"""Pushing images, and pulling what is built upon."""

STATE: Final = (
    *_of("s3", "DeleteObject GetObject ListBucket PutObject"),
    *_of("kms", "Decrypt Encrypt GenerateDataKey"),
)
"""Pulumi's state in a bucket, its secrets encrypted with a key (docs/state.md)."""
