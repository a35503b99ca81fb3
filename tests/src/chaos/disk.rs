//! Small disks that can be full: a tmpfs for the store of a server, and a ballast file that takes what is left of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// The least that a file can grow by.
const PAGE: u64 = 4096;

/// A small disk. Dropped, it is unmounted.
#[derive(Debug)]
pub struct Disk {
    place: PathBuf,
}

impl Disk {
    /// Puts a disk of so many bytes in the place of a folder, with what is in that.
    ///
    /// # Errors
    /// When nothing can be mounted here: that takes rights, such as those of a user namespace's root.
    pub fn mount(place: &Path, bytes: u64) -> anyhow::Result<Self> {
        let aside = place.with_extension("aside");
        fs::create_dir_all(place)?;
        fs::rename(place, &aside)?;
        fs::create_dir(place)?;
        let options = std::ffi::CString::new(format!("size={bytes},mode=0700"))?;
        let mounted = mount("tmpfs", place, "tmpfs", MountFlags::empty(), options.as_c_str());
        let disk = mounted.map(|()| Self { place: place.to_owned() });
        copy(&aside, place)?;
        fs::remove_dir_all(&aside)?;
        disk.with_context(|| format!("a disk at {}", place.display()))
    }

    /// Fills it to the brim.
    ///
    /// # Errors
    /// When that fails for another reason than a full disk.
    pub fn fill(&self) -> anyhow::Result<()> {
        let ballast = File::options().create(true).append(true).open(self.ballast())?;
        let disk = statvfs(&self.place)?;
        // Others write meanwhile, so it isn't known how much there is to take.
        let mut piece = disk.f_bavail * disk.f_frsize;
        while piece >= PAGE {
            match fallocate(&ballast, FallocateFlags::empty(), ballast.metadata()?.len(), piece) {
                Ok(()) => {}
                Err(Errno::NOSPC) => piece /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes room again.
    ///
    /// # Errors
    /// When that fails.
    pub fn make_room(&self) -> io::Result<()> {
        match fs::remove_file(self.ballast()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.place.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has files open there keeps them until they are closed.
        let _ = unmount(&self.place, UnmountFlags::DETACH);
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
