"""The `aws` cloud: a VPC, EKS with spot node groups, ECR, S3 and CloudWatch, behind the contract of a cloud."""
