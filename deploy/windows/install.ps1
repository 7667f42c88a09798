# Install censorprobe for this user, from the folder of this script and without rights of an administrator:
#   powershell -ExecutionPolicy Bypass -File install.ps1
# With -Remove the program is removed again. Results and settings stay. `probe wipe` removes these, before the program is removed.
param([switch]$Remove)
$ErrorActionPreference = "Stop"

# PyInstaller puts this script beside the libraries, into the folder _internal.
$source = Split-Path -Parent $PSScriptRoot
$target = Join-Path $env:LOCALAPPDATA "Programs\censorprobe"

if ($source -ne $target -and (Test-Path $target)) { Remove-Item -Recurse -Force $target }

# Read without replacing variables such as %USERPROFILE%, so that they stay in the other entries.
$key = Get-Item "HKCU:\Environment"
$path = $key.GetValue("Path", "", "DoNotExpandEnvironmentNames")
$entries = @($path -split ";" | Where-Object { $_ -and $_ -ne $target })

if ($Remove) {
    if ($source -eq $target) { throw "Start this script from the folder that you unpacked, and not from the installed one." }
} else {
    if ($source -eq $target) { throw "censorprobe is installed in this folder already." }
    Copy-Item -Recurse $source $target
    $entries += $target
}
Set-ItemProperty "HKCU:\Environment" -Name Path -Type ExpandString -Value ($entries -join ";")
[Environment]::SetEnvironmentVariable("CENSORPROBE_UNUSED", $null, "User") # tells open programs that the variables changed

if ($Remove) { Write-Output "censorprobe was removed." } else { Write-Output "censorprobe was installed. Open a new window and type: probe run" }
