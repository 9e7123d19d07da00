package source

// For the fuzz tests, which also lint and print and so stand outside of the package.
var (
	NewFile     = newFile
	ReadEnvFile = readEnvFile
)
