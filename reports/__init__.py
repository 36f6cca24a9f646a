"""The page of a sheet's runs: facts from the cluster and the store in, one HTML file out. Pure but for `store`."""
