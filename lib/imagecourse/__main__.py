import sys

from imagecourse.cli import main

sys.exit(main())
