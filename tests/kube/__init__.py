"""The chart on a real kube-apiserver: `make kube`. Not collected by pytest: it builds Kubernetes first."""
