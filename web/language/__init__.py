"""Language: texts of the page and of errors in English and Korean; errors as answers."""
