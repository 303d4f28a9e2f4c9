terraform {
  # 1.5 is the first version with check blocks. OpenTofu begins with 1.6.
  required_version = ">= 1.5, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}
